ALTER TABLE messages ADD CONSTRAINT messages_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms (id);
DROP TRIGGER keep_room ON rooms;
DROP FUNCTION keep_room;
